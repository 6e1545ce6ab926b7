"""The region report in stages that hand artefacts on through S3: what the functions do.

Nothing here knows of Lambda: a handler reads its event into a model of `contracts`, calls one
function, and answers the model that it returns. Import the module of the stage that you need, so
that a function pays only for what it uses.
"""
