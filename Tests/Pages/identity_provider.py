"""An OpenID provider, canaille, in this process, with users and groups in a folder of its own."""

import contextlib
import datetime
import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
import warnings

from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    def log(self, kind, message, *arguments):
        pass


class IdentityProvider:
    """A provider on localhost, which is another site than 127.0.0.1."""

    CLIENT = "episode-ledger"

    def __init__(self):
        # Authlib takes plain http on this machine only where it is told to.
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
        # Of what its libraries do to be told of it.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from canaille import create_app
        from canaille.backends import Backend
        from joserfc.jwk import RSAKey

        self.folder = tempfile.mkdtemp(prefix="canaille-")
        self.secret = secrets.token_urlsafe(32)
        self.app = None
        # The port is known before the application is, whose name it is part of.
        self.server = make_server(
            "localhost", 0, self.answer, threaded=True, request_handler=QuietHandler)
        self.issuer = f"http://localhost:{self.server.server_port}"
        self.key = key = RSAKey.generate_key(2048, auto_kid=True)
        self.exchanged, self.exchanging = 0, threading.Lock()
        # Making its tables is told in forty lines.
        logging.disable(logging.INFO)
        self.app = create_app(config={
            "TESTING": True,
            "ENV_FILE": None,
            "SECRET_KEY": secrets.token_hex(32),
            "SERVER_NAME": f"localhost:{self.server.server_port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {
                "DATABASE": "sql",
                "JAVASCRIPT": False,
                "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
                "LOGGING": {"version": 1, "disable_existing_loggers": False},
            },
            "CANAILLE_SQL": {
                "DATABASE_URI": f"sqlite:///{self.folder}/canaille.sqlite",
                "AUTO_MIGRATE": True,
            },
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
        }, env_file=None)
        logging.disable(logging.NOTSET)
        self.backend = Backend.instance
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, environ, start_response):
        """The application; of one second only one code is exchanged, since canaille gives a user the
        same access token twice in a second, and refuses it then."""
        if environ["PATH_INFO"] == "/oauth/token":
            with self.exchanging:
                while int(time.time()) == self.exchanged:
                    time.sleep(0.02)
                self.exchanged = int(time.time())
        return self.app(environ, start_response)

    def add_client(self, origin):
        """Makes the service at an origin a client."""
        from canaille.app import models

        with self.app.app_context():
            client = models.Client(
                client_id=self.CLIENT,
                client_id_issued_at=datetime.datetime.now(datetime.timezone.utc),
                client_secret=self.secret,
                client_name="EpisodeLedger",
                # Its own pages need no consent.
                client_uri=origin,
                redirect_uris=[f"{origin}/sign-in/callback"],
                post_logout_redirect_uris=[f"{origin}/sign-in"],
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid", "profile", "groups"],
                token_endpoint_auth_method="client_secret_basic",
                id_token_signed_response_alg="RS256",
            )
            self.backend.save(client)
            client.audience = [client]
            self.backend.save(client)

    def add_user(self, name, password, *groups):
        """Makes a simulated user, and the groups that there are not."""
        from canaille.app import models

        with self.app.app_context():
            user = models.User(
                user_name=name, given_name="Simulated", family_name=name.capitalize(),
                formatted_name=f"Simulated {name.capitalize()}",
                emails=[f"{name}@example.org"], password=password)
            self.backend.save(user)
            for group in groups:
                found = self.backend.get(models.Group, display_name=group)
                if found is None:
                    found = models.Group(display_name=group, members=[user])
                else:
                    found.members = [*found.members, user]
                self.backend.save(found)

    def sign(self, claims, kind):
        """A token of the provider's that says what a test wants."""
        from joserfc import jwt

        return jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": kind}, claims, self.key)

    @contextlib.contextmanager
    def other_audience(self):
        """Meanwhile its ID tokens are for another client."""
        from canaille.app import models

        with self.app.app_context():
            client = self.backend.get(models.Client, client_id=self.CLIENT)
            other = models.Client(client_id="other", client_name="Other", scope=["openid"])
            self.backend.save(other)
            client.audience = [other]
            self.backend.save(client)
        try:
            yield
        finally:
            with self.app.app_context():
                client = self.backend.get(models.Client, client_id=self.CLIENT)
                client.audience = [client]
                self.backend.save(client)

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)
