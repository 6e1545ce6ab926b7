"""The region report in stages that pass artefacts to each other through S3.

Each Lambda function runs one stage: its handler parses the event into a model of `contracts`,
calls one function of a stage, and returns the resulting model. The stages themselves do not depend
on Lambda. Import only the module of the stage that you need, because each has its own
dependencies.
"""
