"""What an operator sets for the tools, together: the part `router.tools` of the configuration."""

from pydantic import Field

from router.config_tools.calendars import CalendarConfig
from router.config_tools.documents import DocumentConfig
from router.config_tools.infra import InfraConfig
from router.config_tools.mail import EmailConfig
from router.config_tools.mcp import McpConfig
from router.config_tools.plugins import PluginsConfig
from sidecar.config import Section


class ToolsConfig(Section):
    """What Maek can do besides chatting."""

    calendar: CalendarConfig = CalendarConfig()
    """What is on, and new entries."""
    email: EmailConfig = EmailConfig()
    """Mail, which is searched and read and never sent."""
    document: DocumentConfig = DocumentConfig()
    """The documents that questions are answered from."""
    infra: InfraConfig = InfraConfig()
    """Machines and services."""
    plugins: PluginsConfig = Field(default_factory=dict)
    """Tools of other packages, by the names that these give them; each with its own options."""
    mcp: McpConfig = McpConfig()
    """Servers of others that offer tools."""
