"""POP3 over sockets: what does the I/O for `pop3_proto`."""
