"""Group services into categories by the words in their code and name.

The tree has no categories, so this is our own grouping: an overview, not data from AWS. A service
belongs to the first category with a matching word, or to "Other". A new service usually matches,
because its name shares words with similar services.
"""

from __future__ import annotations

import polars as pl

OTHER = "Other"

_CATEGORIES: tuple[tuple[str, str], ...] = (
    # Specific categories come first: "IoT Device Defender" belongs to IoT, not to security.
    ("Internet of Things", r"\biot|greengrass|freertos"),
    (
        "Media and Games",
        r"elemental|gamelift|\bivs|interactive video|lumberyard|deadline|kinesis ?video"
        r"|mediastore",
    ),
    (
        "Migration and Transfer",
        r"migration|mainframe|discovery service|\bsnow|datasync|transfer family",
    ),
    (
        "Security and Identity",
        r"\biam\b|\bidentity[ -](and|center)|identitystore|cognito|\bdirectory|guardduty"
        r"|inspector|macie|security|secrets|key management|hsm|certificate"
        r"|private ca\b|shield|\bwaf|firewall|detective"
        r"|\bartifact\b|audit manager|verified|cryptography|sign-in|signer|single sign-on"
        r"|resource access manager|fraud|supportauthz",
    ),
    (
        "Billing and Marketplace",
        r"billing|budget|\bcost\b|cost explorer|\bprice|pricing|savings|invoicing|\btax\b"
        r"|marketplace|partner ?central|cost ?profiler|\bbcm",
    ),
    (
        "Machine Learning",
        r"sagemaker|bedrock|comprehend|forecast|kendra|\blex|lookout|personalize|polly|rekognition"
        r"|textract|transcribe|translate|augmented|machine ?learning|\bnova|q business|\bqapps"
        r"|mechanical turk|monitron|health(omics|imaging|lake)|clean rooms ml|agent registry",
    ),
    (
        "Databases",
        r"\brds|\bdynamodb|aurora|docdb|elasticache|keyspaces|memorydb|neptune|timestream"
        r"|simpledb|\bodb\b|performanceinsights|managed blockchain",
    ),
    (
        "Analytics",
        r"athena|glue|\bemr|kinesis|firehose|kafka|lake formation|redshift|quick\b|opensearch"
        r"|cloudsearch|data exchange|datazone|data pipeline|clean rooms|finspace|entity resolution"
        r"|managed service for apache flink",
    ),
    (
        "Networking and Delivery",
        r"\bvpc|\bvpn|route ?53|cloudfront|direct connect|global accelerator|load balancing"
        r"|transit gateway|private ?link|network ?manager|app mesh|cloud map|internet monitor"
        r"|network (flow )?monitor|application recovery controller|\brtb",
    ),
    (
        "Storage",
        r"\bs3|simple storage|glacier|\bebs\b|\befs\b|\bfsx|file cache|storage gateway|backup"
        r"|recycle bin|\bdlm\b|disaster recovery",
    ),
    (
        "Containers",
        r"\becr\b|\becs\b|\beks|fargate|openshift|app runner|\bproton",
    ),
    (
        "Developer Tools",
        r"\bcode|cloud9|cloudshell|x-ray|device farm|fault injection|amplify|devops|developer"
        r"|cloud control",
    ),
    (
        "Applications and Messaging",
        r"connect\b|chime|pinpoint|end user messaging|email|workmail|workdocs|workspaces|wickr"
        r"|voice|social-messaging|simple (queue|notification|workflow)|eventbridge"
        r"|\bevents\b|\bpipes|step functions|amazon mq|airflow|mwaa|appflow|appsync|app ?config"
        r"|api ?gateway|appfabric|appintegrations|b2b|location|scheduler|thin client",
    ),
    (
        "Compute",
        r"\bec2|\blambda\b|batch|lightsail|beanstalk|auto scaling|outposts|vmware"
        r"|parallel computing|image builder|serverless application|braket",
    ),
    (
        "Management and Governance",
        r"cloudwatch|cloudformation|cloudtrail|\bconfig\b|systems manager|\bssm|organizations"
        r"|control (tower|catalog)|service catalog|trusted advisor|well-architected|optimizer"
        r"|license manager|resource (explorer|groups)|health|grafana|prometheus|observability"
        r"|opsworks|launch wizard|service quotas|resilience hub|notifications|support|account"
        r"|managed services|chatbot|\brum\b|ai ops|sustainability|user experience",
    ),
)

CATEGORIES: tuple[str, ...] = (*(name for name, _ in _CATEGORIES), OTHER)
"""All categories; `OTHER` is for services that match no other."""


def category(code: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Return the category of services by code and name, as one of `CATEGORIES`."""
    text = (code + " " + name).str.to_lowercase()
    fitting = [
        pl.when(text.str.contains(words)).then(pl.lit(category_name))
        for category_name, words in _CATEGORIES
    ]
    return pl.coalesce(*fitting, pl.lit(OTHER)).cast(pl.Enum(CATEGORIES))
