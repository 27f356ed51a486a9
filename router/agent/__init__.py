"""A model that answers may call tools: what it is offered, what it asked for, how long it may go on."""
