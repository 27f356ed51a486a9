"""The document tool: `tool` what it can do, `archive` what it needs of whoever keeps the documents, `ranking` and
`answering` what models do for it.
"""

from router.tools.documents.tool import NAME, DocumentModels, build, unconfigured

__all__ = ["NAME", "DocumentModels", "build", "unconfigured"]
