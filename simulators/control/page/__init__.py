"""The files of the control page: plain HTML, CSS and JavaScript, served as they are (no build step)."""
