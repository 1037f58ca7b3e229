"""The proctoring back end that Open edX loads, so that its application edx-proctoring asks Invigilator's gateway.

Responsible for nothing but that: the contract is edx-proctoring's REST provider, and what it says comes from the
platform's PROCTORING_BACKENDS (base_url, client_id, client_secret).
"""

from edx_proctoring.backends.rest import BaseRestProctoringProvider


class InvigilatorProvider(BaseRestProctoringProvider):
    """Invigilator, behind its gateway."""

    verbose_name = "Invigilator"
    supports_onboarding = False

    def __init__(self, base_url=None, **settings):
        self.base_url = base_url
        super().__init__(**settings)
