"""An app that needs no packages, writes when it is asked, and answers questions as OpenAI's API streams them."""

from __future__ import annotations

SOURCE = """\
import http.server, json, os
print("\x1b]0;a title\x07\x1b[31mthe app starts", flush=True)  # an app may try to steer a terminal
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        word = self.path[1:]  # the platform asks for / again and again, which writes nothing
        for number in range(int(word) if word.isdecimal() else 0):
            print(f"burst {number}")
        if word == "die":
            os._exit(3)
        if word in ("hello", "ends"):
            print(self.path, flush=True)
        if word == "lamp":
            print("\\x1b[32msomebody lights the lamp\\x1b[0m", flush=True)
        self.begin()
        self.wfile.write(json.dumps({"data": [{"id": "lighthouse"}]}).encode())
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.begin()
        for word in ("Rivers ", "carry ", "salt."):
            self.say({"choices": [{"delta": {"content": word}}]})
        self.say({"choices": [], "usage": {"completion_tokens": 3}})
    def begin(self):
        self.send_response(200)
        self.end_headers()
    def say(self, event):
        self.wfile.write(f"data: {json.dumps(event)}\\n\\n".encode())
        self.wfile.flush()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
