# What the roles may do. The names of resources restrict the permissions to the stacks of this environment, in this
# account and region.
#
# Do not change the descriptions of policies: AWS cannot change them, so Terraform would replace the policies.

locals {
  partition = data.aws_partition.this.partition
  # Names in the stacks region_report, event_log_checkpoint and patch_tracker begin with these.
  prefixes = ["aws-ssm-fetcher-${var.environment}", "event-log-${var.environment}", "patch-tracker-${var.environment}"]

  bucket_names = concat(
    [for kind in ["data", "code"] : "aws-ssm-${kind}-${var.environment}-${local.account}"],
    [for kind in ["code", "checkpoints", "events"] : "event-log-${kind}-${var.environment}-${local.account}"],
    ["patch-tracker-code-${var.environment}-${local.account}"],
  )
  bucket_arns = [for name in local.bucket_names : "arn:${local.partition}:s3:::${name}"]
  code_arns   = [for name in local.bucket_names : "arn:${local.partition}:s3:::${name}/layers/*" if strcontains(name, "-code-")]
  source_arns = var.source_bucket == null ? [] : ["arn:${local.partition}:s3:::${var.source_bucket}"]

  # bin/deploy.sh chooses these names. The states of a stack have its name as a prefix.
  state_bucket = "arn:${local.partition}:s3:::terraform-state-${local.account}-${var.region}"
  states       = [for stack in ["region_report", "event_log_checkpoint", "patch_tracker"] : "${local.state_bucket}/${stack}/${var.environment}.tfstate"]

  regional = "${var.region}:${local.account}"

  role_arns     = [for prefix in local.prefixes : "arn:${local.partition}:iam::${local.account}:role/${prefix}-*"]
  function_arns = [for prefix in local.prefixes : "arn:${local.partition}:lambda:${local.regional}:function:${prefix}-*"]
  layer_arns    = [for prefix in local.prefixes : "arn:${local.partition}:lambda:${local.regional}:layer:${prefix}-*"]
  log_arns = flatten([
    for prefix in local.prefixes : [
      "arn:${local.partition}:logs:${local.regional}:log-group:/aws/lambda/${prefix}-*",
      "arn:${local.partition}:logs:${local.regional}:log-group:/aws/vendedlogs/states/${prefix}-*",
    ]
  ])
  machine_arns   = [for prefix in local.prefixes : "arn:${local.partition}:states:${local.regional}:stateMachine:${prefix}-*"]
  execution_arns = [for prefix in local.prefixes : "arn:${local.partition}:states:${local.regional}:execution:${prefix}-*"]
  topic_arns     = [for prefix in local.prefixes : "arn:${local.partition}:sns:${local.regional}:${prefix}-*"]
  queue_arns     = [for prefix in local.prefixes : "arn:${local.partition}:sqs:${local.regional}:${prefix}-*"]
  schedule_arns  = [for prefix in local.prefixes : "arn:${local.partition}:scheduler:${local.regional}:schedule/default/${prefix}-*"]
  alarm_arns     = [for prefix in local.prefixes : "arn:${local.partition}:cloudwatch:${local.regional}:alarm:${prefix}-*"]
  dashboard_arns = [for prefix in local.prefixes : "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${prefix}-*"]
  table_arns     = ["arn:${local.partition}:dynamodb:${local.regional}:table/patch-tracker-${var.environment}-*"]
  glue_arns = [
    "arn:${local.partition}:glue:${local.regional}:catalog",
    "arn:${local.partition}:glue:${local.regional}:database/event_log_${var.environment}",
    "arn:${local.partition}:glue:${local.regional}:table/event_log_${var.environment}/*",
  ]
  alias_arns = [for prefix in local.prefixes : "arn:${local.partition}:kms:${local.regional}:alias/${prefix}*"]
  key_arns   = ["arn:${local.partition}:kms:${local.regional}:key/*"]

  # Stacks with `reuse_existing_layers` register their layers here.
  registry_arns = ["arn:${local.partition}:ssm:${local.regional}:parameter/lambda-layers/${var.environment}/*"]

  # A key has no name, so policies recognize the keys of the stacks by their tags. With permission to tag keys, a role
  # could get access to any key in the account. Therefore no role here may tag keys.
  key_tags = {
    Environment = [var.environment]
    ManagedBy   = ["terraform"]
    Project     = ["aws-ssm-fetcher", "event-log-checkpoint", "patch-tracker"]
  }
}

# What a plan reads: settings of resources, and the states. It reads no data: no objects except zip files of layers, no
# items, no messages, no logs.
data "aws_iam_policy_document" "read" {
  #checkov:skip=CKV_AWS_356: list actions cannot be restricted to resources

  statement {
    sid       = "States"
    actions   = ["s3:GetObject"]
    resources = local.states
  }

  statement {
    sid       = "StateLocks"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for state in local.states : "${state}.tflock"]
  }

  statement {
    sid       = "StateBucket"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning", "s3:ListBucket"]
    resources = [local.state_bucket]
  }

  statement {
    sid = "Buckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLocation",
      "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = local.bucket_arns
  }

  statement {
    sid       = "LayerPackages"
    actions   = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"]
    resources = local.code_arns
  }

  statement {
    sid       = "Tables"
    actions   = ["dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"]
    resources = local.table_arns
  }

  statement {
    sid       = "Catalog"
    actions   = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags"]
    resources = local.glue_arns
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
    resources = local.key_arns

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }

  # The environment of a function, the input of a schedule and the digest of a zip file are encrypted. The services
  # decrypt nothing else for a role that may not read data.
  statement {
    sid       = "EncryptedSettings"
    actions   = ["kms:Decrypt"]
    resources = local.key_arns

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["lambda", "s3", "scheduler"] : "${service}.${var.region}.amazonaws.com"]
    }

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }

  # These actions cannot be restricted to resources. They return names and settings only.
  statement {
    sid       = "Lists"
    actions   = ["kms:ListAliases", "lambda:ListLayerVersions", "logs:DescribeLogGroups", "ssm:DescribeParameters", "states:ValidateStateMachineDefinition"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "read" {
  name        = "${local.name}-read"
  description = "Settings of what keeps data in ${var.environment}, and the states"
  policy      = data.aws_iam_policy_document.read.json
}

# A policy has at most 6144 characters, so a second policy contains the rest of what a plan reads.
data "aws_iam_policy_document" "read_pipelines" {
  statement {
    sid       = "Roles"
    actions   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListRoleTags"]
    resources = local.role_arns
  }

  statement {
    sid = "Functions"
    actions = [
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetFunctionCodeSigningConfig",
      "lambda:GetFunctionConfiguration",
      "lambda:GetFunctionEventInvokeConfig",
      "lambda:GetLayerVersion",
      "lambda:ListTags",
      "lambda:ListVersionsByFunction",
    ]
    resources = concat(local.function_arns, local.layer_arns, [for arn in local.layer_arns : "${arn}:*"])
  }

  statement {
    sid       = "RegisteredLayers"
    actions   = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:ListTagsForResource"]
    resources = local.registry_arns
  }

  dynamic "statement" {
    for_each = length(var.external_layer_arns) > 0 ? [var.external_layer_arns] : []

    content {
      sid       = "LayersOfOthers"
      actions   = ["lambda:GetLayerVersion"]
      resources = statement.value
    }
  }

  statement {
    sid       = "StateMachines"
    actions   = ["states:DescribeStateMachine", "states:ListStateMachineVersions", "states:ListTagsForResource"]
    resources = local.machine_arns
  }

  statement {
    sid       = "Topics"
    actions   = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource"]
    resources = local.topic_arns
  }

  statement {
    sid       = "Queues"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
    resources = local.queue_arns
  }

  statement {
    sid       = "Schedules"
    actions   = ["scheduler:GetSchedule"]
    resources = local.schedule_arns
  }

  statement {
    sid       = "LogGroups"
    actions   = ["logs:ListTagsForResource"]
    resources = local.log_arns
  }

  statement {
    sid       = "AlarmsAndDashboards"
    actions   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
    resources = concat(local.alarm_arns, local.dashboard_arns)
  }
}

resource "aws_iam_policy" "read_pipelines" {
  name        = "${local.name}-read-pipelines"
  description = "Settings of what runs in ${var.environment}"
  policy      = data.aws_iam_policy_document.read_pipelines.json
}

data "aws_iam_policy_document" "write" {
  #checkov:skip=CKV_AWS_111: a key has no name; its tags are the condition

  statement {
    sid       = "States"
    actions   = ["s3:PutObject"]
    resources = local.states
  }

  statement {
    sid = "Buckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucketPolicy",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = local.bucket_arns
  }

  # The provider deletes the zip file of a removed layer with all its versions.
  statement {
    sid       = "LayerPackages"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject", "s3:PutObjectTagging"]
    resources = local.code_arns
  }

  statement {
    sid       = "LayerPackageVersions"
    actions   = ["s3:ListBucketVersions"]
    resources = [for name in local.bucket_names : "arn:${local.partition}:s3:::${name}" if strcontains(name, "-code-")]
  }

  # Tables are created and changed, but never deleted.
  statement {
    sid       = "Tables"
    actions   = ["dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive"]
    resources = local.table_arns
  }

  statement {
    sid       = "Catalog"
    actions   = ["glue:CreateDatabase", "glue:CreateTable", "glue:DeleteTable", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable"]
    resources = local.glue_arns
  }

  # S3, Lambda, SQS, DynamoDB and other services encrypt data with these keys.
  statement {
    sid = "Keys"
    actions = [
      "kms:Decrypt",
      "kms:EnableKeyRotation",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:PutKeyPolicy",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:UpdateKeyDescription",
    ]
    resources = local.key_arns

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }

  # Only for services that store data encrypted with these keys.
  statement {
    sid       = "GrantsToServices"
    actions   = ["kms:CreateGrant"]
    resources = local.key_arns

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }

  statement {
    sid       = "AliasesOfKeys"
    actions   = ["kms:CreateAlias", "kms:UpdateAlias"]
    resources = local.alias_arns
  }

  # An alias also needs permission on its key.
  statement {
    sid       = "KeysOfAliases"
    actions   = ["kms:CreateAlias", "kms:UpdateAlias"]
    resources = local.key_arns

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }
}

resource "aws_iam_policy" "write" {
  name        = "${local.name}-write"
  description = "Makes and changes what keeps data in ${var.environment}"
  policy      = data.aws_iam_policy_document.write.json
}

# The rest of what a deployment creates and changes.
data "aws_iam_policy_document" "write_pipelines" {
  statement {
    sid = "Functions"
    actions = [
      "lambda:CreateAlias",
      "lambda:CreateFunction",
      "lambda:DeleteAlias",
      "lambda:DeleteFunction",
      "lambda:DeleteFunctionConcurrency",
      "lambda:DeleteFunctionEventInvokeConfig",
      "lambda:PublishLayerVersion",
      "lambda:PublishVersion",
      "lambda:PutFunctionConcurrency",
      "lambda:PutFunctionEventInvokeConfig",
      "lambda:TagResource",
      "lambda:UntagResource",
      "lambda:UpdateAlias",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
      "lambda:UpdateFunctionEventInvokeConfig",
    ]
    resources = concat(local.function_arns, local.layer_arns)
  }

  statement {
    sid       = "RegisteredLayers"
    actions   = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
    resources = local.registry_arns
  }

  statement {
    sid = "StateMachines"
    actions = [
      "states:CreateStateMachine",
      "states:DeleteStateMachine",
      "states:DeleteStateMachineVersion",
      "states:PublishStateMachineVersion",
      "states:TagResource",
      "states:UntagResource",
      "states:UpdateStateMachine",
    ]
    resources = local.machine_arns
  }

  statement {
    sid       = "Topics"
    actions   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:Unsubscribe", "sns:UntagResource"]
    resources = local.topic_arns
  }

  statement {
    sid       = "Queues"
    actions   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
    resources = local.queue_arns
  }

  statement {
    sid       = "Schedules"
    actions   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"]
    resources = local.schedule_arns
  }

  statement {
    sid       = "LogGroups"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"]
    resources = local.log_arns
  }

  statement {
    sid       = "AlarmsAndDashboards"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = concat(local.alarm_arns, local.dashboard_arns)
  }
}

resource "aws_iam_policy" "write_pipelines" {
  name        = "${local.name}-write-pipelines"
  description = "Makes and changes what runs in ${var.environment}"
  policy      = data.aws_iam_policy_document.write_pipelines.json
}

# A role that creates roles could create a role with all permissions and use it through a function. So roles can be
# created or get policies only with the permissions boundary, and the boundary cannot be removed.
data "aws_iam_policy_document" "write_access" {
  statement {
    sid       = "RolesBelowTheBoundary"
    actions   = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    resources = local.role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [aws_iam_policy.boundary.arn]
    }
  }

  statement {
    sid       = "Roles"
    actions   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
    resources = local.role_arns
  }

  statement {
    sid       = "PassRolesToServices"
    actions   = ["iam:PassRole"]
    resources = local.role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "write_access" {
  name        = "${local.name}-write-access"
  description = "Makes roles in ${var.environment}, below the boundary"
  policy      = data.aws_iam_policy_document.write_access.json
}

# The permissions boundary of functions, state machines and schedules: the most that they may do.
data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111: actions for X-Ray and log delivery cannot be restricted to resources
  #checkov:skip=CKV_AWS_356: actions for X-Ray and log delivery cannot be restricted to resources

  statement {
    sid       = "Buckets"
    actions   = ["s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"]
    resources = concat(local.bucket_arns, local.source_arns)
  }

  statement {
    sid       = "Objects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = [for arn in local.bucket_arns : "${arn}/*"]
  }

  dynamic "statement" {
    for_each = local.source_arns

    content {
      sid       = "EventFilesOfOthers"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["${statement.value}/*"]
    }
  }

  dynamic "statement" {
    for_each = compact([var.source_kms_key_arn])

    content {
      sid       = "KeyOfOthers"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "PublicParameters"
    actions   = ["ssm:GetParameters", "ssm:GetParametersByPath"]
    resources = ["arn:${local.partition}:ssm:*::parameter/aws/service/global-infrastructure/*"]
  }

  statement {
    sid = "Items"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:Scan",
      "dynamodb:UpdateItem",
    ]
    resources = concat(local.table_arns, [for arn in local.table_arns : "${arn}/index/*"])
  }

  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = local.function_arns
  }

  statement {
    sid       = "RunStateMachines"
    actions   = ["states:DescribeExecution", "states:StartExecution", "states:StopExecution"]
    resources = concat(local.machine_arns, local.execution_arns)
  }

  statement {
    sid       = "PublishToTopics"
    actions   = ["sns:Publish"]
    resources = local.topic_arns
  }

  statement {
    sid       = "SendToQueues"
    actions   = ["sqs:SendMessage"]
    resources = local.queue_arns
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = local.key_arns

    dynamic "condition" {
      for_each = local.key_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = condition.value
      }
    }
  }

  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for arn in local.log_arns : "${arn}:*"]
  }

  # These actions cannot be restricted to resources. See the modules lambda_function and state_machine.
  statement {
    sid = "Observability"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "${local.name}-boundary"
  description = "The most that roles of the stacks in ${var.environment} may do"
  policy      = data.aws_iam_policy_document.boundary.json
}
