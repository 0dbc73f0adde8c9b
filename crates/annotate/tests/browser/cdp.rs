//! A browser driven through the DevTools protocol, over its pipe: messages of JSON, each ended by a zero byte.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    next: u64,
    session: Option<String>,
    /// What went wrong in the page: exceptions, and what its policy refused.
    pub complaints: VecDeque<String>,
    _profile: tempfile::TempDir,
}

/// axe-core, where it was fetched.
pub fn axe() -> Option<String> {
    let folder = std::env::var_os("STREAMFACE_MEDIA").map(PathBuf::from)?;
    std::fs::read_to_string(folder.join("axe.min.js")).ok()
}

/// Chromium, where there is one.
pub fn chromium() -> Option<String> {
    let named = std::env::var("STREAMFACE_CHROMIUM").ok();
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    named.or_else(|| usual.iter().find(|p| Path::new(p).exists()).map(|p| (*p).to_owned()))
}

impl Browser {
    /// Nothing of the page is wider than the screen, and nothing is serious for axe-core, where that is there.
    pub fn check(&mut self, view: &str, screen: u32, axe: Option<&str>) {
        let width = self.eval("document.scrollingElement.scrollWidth").as_u64().unwrap();
        assert!(width <= u64::from(screen), "{view} is {width} wide on a screen of {screen}");
        let Some(axe) = axe else { return };
        self.eval(&format!("window.axe ? 0 : (() => {{ {axe}; return 0; }})()"));
        // Colours while they change are no one's colours.
        self.eval("Promise.all(document.getAnimations().map(a => a.finished.catch(() => 0))).then(() => 0)");
        let found = self.text(
            "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations
               .filter(v => ['serious', 'critical'].includes(v.impact))
               .map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? ''))])))",
        );
        assert_eq!(found, "[]", "{view} at {screen}: {found}");
    }

    pub fn start(chromium: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The protocol speaks on descriptors 3 and 4, which the shell makes of its input and output.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", chromium])
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--remote-debugging-pipe",
            ])
            .args(["--no-proxy-server", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take(), child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(out);
            let mut message = Vec::new();
            while reader.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { break };
                if send.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser =
            Self { child, to, from, next: 0, session: None, complaints: VecDeque::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    #[allow(clippy::needless_pass_by_value, reason = "calls read better with the JSON in place")]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.as_mut().unwrap().write_all(&bytes).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let reply = self.from.recv_timeout(left).unwrap_or_else(|_| panic!("{method}: no reply"));
            if reply["id"] == json!(self.next) {
                assert!(reply.get("error").is_none(), "{method}: {reply}");
                return reply["result"].clone();
            }
            self.hear(&reply);
        }
    }

    fn hear(&mut self, event: &Value) {
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push_back(event["params"].to_string()),
            Some("Log.entryAdded") => {
                let entry = &event["params"]["entry"];
                // A refused answer is told by its status, which the browser notes too; the tests look at these themselves.
                if entry["level"] == "error" && entry["source"] != "network" {
                    self.complaints.push_back(entry["text"].to_string());
                }
            }
            _ => {}
        }
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    pub fn text(&mut self, expression: &str) -> String {
        self.eval(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true; how long it took.
    pub fn until(&mut self, expression: &str) -> Duration {
        let start = Instant::now();
        while self.eval(expression) != json!(true) {
            if start.elapsed() > PATIENCE {
                let page = self.text("document.body.innerText");
                panic!("never came: {expression}\n{page}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        start.elapsed()
    }

    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
    }

    /// Presses a key as a keyboard does.
    pub fn press(&mut self, key: &str) {
        let (shift, key) = key.strip_prefix("Shift+").map_or((false, key), |key| (true, key));
        let (key, code, number, text) = match key {
            "Enter" => ("Enter".to_owned(), "Enter".to_owned(), 13, "\r".to_owned()),
            "Tab" => ("Tab".into(), "Tab".into(), 9, String::new()),
            "Escape" => ("Escape".into(), "Escape".into(), 27, String::new()),
            "Space" => (" ".into(), "Space".into(), 32, " ".into()),
            "ArrowRight" => (key.into(), key.into(), 39, String::new()),
            "ArrowDown" => (key.into(), key.into(), 40, String::new()),
            "ArrowLeft" => (key.into(), key.into(), 37, String::new()),
            "Home" => (key.into(), key.into(), 36, String::new()),
            one => {
                let c = one.chars().next().unwrap().to_ascii_uppercase();
                let code = if c.is_ascii_digit() { format!("Digit{c}") } else { format!("Key{c}") };
                (one.into(), code, c as u32, one.to_owned())
            }
        };
        let mut down = json!({
            "type": "keyDown", "key": key, "code": code, "windowsVirtualKeyCode": number,
            "modifiers": if shift { 8 } else { 0 },
        });
        if !text.is_empty() && !shift {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down.clone());
        down["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", down);
    }

    /// Clicks into the middle of what matches a selector, if that is what lies there.
    pub fn click(&mut self, selector: &str) {
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'nearest'}});
               const r = e.getBoundingClientRect(); const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
               const top = document.elementFromPoint(x, y); return [x, y, e === top || e.contains(top)]; }})()",
            json!(selector)
        ));
        assert_eq!(place[2], json!(true), "{selector} is covered");
        for kind in ["mousePressed", "mouseReleased"] {
            let params =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Tab until what has the focus matches a selector: it can be reached by keyboard alone.
    pub fn tab_to(&mut self, selector: &str) {
        for _ in 0..200 {
            self.press("Tab");
            if self.eval(&format!("!!document.activeElement?.matches({})", json!(selector))) == json!(true) {
                return;
            }
        }
        panic!("{selector} cannot be reached with Tab");
    }

    pub fn size(&mut self, width: u32, height: u32) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    pub fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// What is on the screen, as a PNG file.
    pub fn picture(&mut self, path: &Path) {
        std::fs::write(path, self.png()).unwrap();
    }

    /// The pixels on the screen.
    pub fn pixels(&mut self) -> Pixels {
        let bytes = self.png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        Pixels { width: info.width as usize, channels: info.color_type.samples(), data }
    }

    fn png(&mut self) -> Vec<u8> {
        use base64::Engine as _;
        // An image far below the screen would only be loaded once it comes near.
        self.eval("[...document.images].forEach(i => { i.loading = 'eager'; }); 0");
        self.eval("Promise.all([...document.images].filter(i => !i.complete).map(i => new Promise(r => { i.onload = i.onerror = r; })))");
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}

/// A picture of the screen, 8 bits a channel.
pub struct Pixels {
    width: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Pixels {
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = self.channels * (y * self.width + x);
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
