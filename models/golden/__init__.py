"""What the models must answer, computed independently of the Rust code.

Responsible for: fixed input pictures (``pictures``), the published decoding recipes in numpy
(``detectors``, ``face``), and the JSON files beside this one that the Rust tests compare with
(``__main__``). Not for: speed, and not a second product; nothing here runs in production.
"""
