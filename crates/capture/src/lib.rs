//! Keyframes from video files, folders, images and live streams, with the frame filters.
