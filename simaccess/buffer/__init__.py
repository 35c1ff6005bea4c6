"""The buffer, which joins an access method, a segment and a shadow for a client.

`Buffer` is what clients call, `Shadow` what it keeps near. The other modules are its parts: bulk
copies, those for a buffer stacked on it, reads of a shadow that is shared, and the short ways for
reads whose operations are known all at once.
"""

from __future__ import annotations

from simaccess.buffer.buffer import Buffer
from simaccess.buffer.shadow import Shadow

__all__ = ["Buffer", "Shadow"]
