from .audit import publish_audit
from .page import publish_report

__all__ = ["publish_audit", "publish_report"]
