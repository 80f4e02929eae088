from .page import publish_report

__all__ = ["publish_report"]
