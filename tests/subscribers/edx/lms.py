"""A learning platform with the real edx-proctoring application, for tests of the gateway's side of its contract.

Answers callbacks over HTTP, and does what it is told on standard input: a JSON list a line, the name of a step and its
arguments; a JSON line back. Not responsible for anything of Open edX around that application: the services that it asks
of its platform accept everything, and the platform's token endpoint knows one account.

Usage: lms.py PORT BASE_URL CLIENT_ID CLIENT_SECRET FOLDER PLUGIN: where to answer, the back end and the platform's account
there, a folder to write to, and the folder of the plug-in that Open edX loads.
"""

import json
import sys
import threading
import time
import tomllib
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

port, base_url, client_id, client_secret, folder, plugin = sys.argv[1:]
SECRET = "only for tests, and as long as it must be"
# The account by which the back end is known here, as the test's file of subscribers has it.
ACCOUNT = ("proctoring", "a secret of the platform")
COURSE = r"(?P<course_id>[^/+]+(/|\+)[^/+]+(/|\+)[^/?]+)"


def install(plugin):
    """Makes the plug-in's entry point known, as installing it would."""
    project = tomllib.loads((Path(plugin) / "pyproject.toml").read_text())["project"]
    info = Path(folder) / "plugin" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {point}" for name, point in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    sys.path += [str(info.parent), plugin]


install(plugin)
settings.configure(
    SECRET_KEY=SECRET,
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(folder) / "lms.sqlite"),
            "OPTIONS": {"timeout": 30},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.sites",
        "rules.apps.AutodiscoverRulesConfig",
        "rest_framework",
        "simple_history",
        "waffle",
        "edx_proctoring",
        "edx_when",
    ],
    MIDDLEWARE=["crum.CurrentRequestUserMiddleware"],
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        "rules.permissions.ObjectPermissionBackend",
    ],
    JWT_AUTH={
        "JWT_ISSUERS": [{"ISSUER": "lms", "AUDIENCE": "lms", "SECRET_KEY": SECRET}],
        "JWT_VERIFY_AUDIENCE": True,
        "JWT_AUTH_HEADER_PREFIX": "JWT",
        "JWT_DECODE_HANDLER": "edx_rest_framework_extensions.auth.jwt.decoder.jwt_decode_handler",
    },
    ROOT_URLCONF=__name__,
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    ENV_ROOT=folder,
    SITE_ID=1,
    SITE_NAME="lms",
    PLATFORM_NAME="lms",
    CONTACT_EMAIL="help@example.org",
    LMS_ROOT_URL="http://127.0.0.1",
    LEARNING_MICROFRONTEND_URL="http://127.0.0.1",
    PROCTORING_USER_OBFUSCATION_KEY=SECRET,
    COURSE_ID_PATTERN=COURSE,
    COURSE_ID_REGEX=COURSE.replace("?P<course_id>", ""),
    WEBPACK_LOADER={"WORKERS": {"STATS_FILE": "/dev/null"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    PROCTORING_SETTINGS={"ALLOW_CALLBACK_SIMULATION": False},
    PROCTORING_BACKENDS={
        "DEFAULT": "invigilator",
        "invigilator": {"base_url": base_url, "client_id": client_id, "client_secret": client_secret},
    },
)
django.setup()

import jwt  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from edx_proctoring import api, models  # noqa: E402
from edx_proctoring.runtime import set_runtime_service  # noqa: E402

USER = "proctoring-service"


@csrf_exempt
def access_token(request):
    """Hands out a token, as the platform does."""
    if (request.POST.get("client_id"), request.POST.get("client_secret")) != ACCOUNT:
        return HttpResponse(status=401)
    assert request.POST["grant_type"] == "client_credentials" and request.POST["token_type"] == "jwt"
    now = int(time.time())
    claims = {"iss": "lms", "aud": "lms", "iat": now, "exp": now + 3600, "preferred_username": USER, "version": "1.2.0"}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return JsonResponse({"access_token": token, "expires_in": 3600, "token_type": "JWT"})


urlpatterns = [
    path("oauth2/access_token", access_token),
    path("api/", include("edx_proctoring.urls", namespace="edx_proctoring")),
]


class Everything:
    """A service of the platform that agrees with everything."""

    def __getattr__(self, name):
        return lambda *_, **__: None


class Credit(Everything):
    """The service that tells the back end who a candidate is."""

    def get_credit_state(self, *_, **__):
        person = {"profile_fullname": "Somebody Real", "student_email": "somebody@example.org"}
        return {**person, "course_name": "course", "enrollment_mode": "verified", "course_end_date": None}


def provider():
    return api.get_backend_provider(name="invigilator")


def attempt_of(attempt):
    return models.ProctoredExamStudentAttempt.objects.get(id=attempt)


def create_exam(name):
    exam = api.create_exam("uni/course/run", name, name, 60, is_proctored=True, backend="invigilator")
    return {"exam": exam, "external_id": api.get_exam_by_id(exam)["external_id"]}


def create_attempt(exam):
    user = get_user_model().objects.create_user(f"candidate-{exam}", email=f"candidate-{exam}@example.org")
    attempt = api.create_exam_attempt(exam, user.id, taking_as_proctored=True)
    return {"attempt": attempt, "external_id": attempt_of(attempt).external_id}


def backend_attempt(attempt):
    """What the back end says of an attempt."""
    return provider().get_attempt(api.get_exam_attempt_by_id(attempt))


def set_status(attempt, status):
    api.update_attempt_status(attempt, status)
    return attempt_of(attempt).status


def remove_attempt(attempt):
    exam = attempt_of(attempt)
    return provider().remove_exam_attempt(exam.proctored_exam.external_id, exam.external_id)


def attempt(attempt_id):
    """What the platform knows of an attempt."""
    found = attempt_of(attempt_id)
    review = models.ProctoredExamSoftwareSecureReview.objects.filter(attempt_code=found.attempt_code).first()
    if review is None:
        return {"status": found.status, "review": None}
    comments = models.ProctoredExamSoftwareSecureComment.objects.filter(review=review).order_by("start_time")
    return {
        "status": found.status,
        "review": {
            "status": review.review_status,
            "reviewed_by": review.reviewed_by_id,
            "comments": [[each.start_time, each.stop_time, each.status, each.comment] for each in comments],
        },
    }


def instructor_url(exam, attempt):
    """Where a member of staff is sent."""
    user = {"id": 7, "full_name": "", "email": ""}
    return provider().get_instructor_url("uni/course/run", user, exam, attempt)


def config():
    return provider().get_proctoring_config()


STEPS = {
    each.__name__: each
    for each in (create_exam, create_attempt, backend_attempt, set_status, remove_attempt, attempt, instructor_url, config)
}


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    call_command("migrate", verbosity=0)
    # Whoever is in this group may review what the back end of that name proctors.
    get_user_model().objects.create_user(USER).groups.add(Group.objects.create(name="invigilator_review"))
    set_runtime_service("credit", Credit())
    for service in ("instructor", "grades", "certificates", "enrollments"):
        set_runtime_service(service, Everything())
    server = make_server("127.0.0.1", int(port), get_wsgi_application(), server_class=Server, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        step, *arguments = json.loads(line)
        try:
            print(json.dumps(STEPS[step](*arguments)), flush=True)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


if __name__ == "__main__":
    main()
