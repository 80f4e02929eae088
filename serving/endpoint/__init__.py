"""The parts of the service: uploads, answers, online features, the page, and where the bundle is."""
