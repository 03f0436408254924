"""See detections in the browser: the page, its server and the report. Needs no torch."""
