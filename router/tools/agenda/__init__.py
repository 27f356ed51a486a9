"""Where the calendar is kept: files of this machine or accounts of CalDAV servers, behind one protocol."""
