"""Makes labelled webcam video of photographs, for ``invigilator eval --pairs``.

A set of photographs of the same and of different persons flatters whoever compares faces: light, pose and
sharpness are a photographer's. ``python -m webcam PAIRS_CSV FOLDER`` makes of each photograph short videos
as an exam's webcam would record them, and writes down who is in them. Reading order: ``__main__`` (labels,
which videos there are), ``head`` (a photograph whose head can turn), ``camera`` (light, noise, encoder).

Its limits: a photograph is one moment. The same expression, hair and make-up stay in all frames of a video
of it, so that samples of a video agree more with each other than those of a living person would, and what
fusing them gains is less than it would be. Heads turn by the depth of their mesh: what the photograph does
not show (the far side of the nose, the ear) cannot appear, so that faces turned far look stretched.
"""
