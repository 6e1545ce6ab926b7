data "aws_caller_identity" "this" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    # Accept functions of this account only: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "observability" {
  #checkov:skip=CKV_AWS_111: X-Ray actions cannot be restricted to resources
  #checkov:skip=CKV_AWS_356: X-Ray actions cannot be restricted to resources

  statement {
    sid       = "OwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  # These actions cannot be restricted to resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "observability" {
  name   = "observability"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.observability.json
}

resource "aws_iam_role_policy" "work" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy_json
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338: logs are for finding faults; results are kept in buckets and tables

  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50: tracing is on, but the check does not see it
  #checkov:skip=CKV_AWS_115: a schedule starts it, or its caller limits the concurrency
  #checkov:skip=CKV_AWS_116: the state machine or the invoke configuration handles failures
  #checkov:skip=CKV_AWS_117: it uses AWS endpoints and public sites, nothing in a VPC
  #checkov:skip=CKV_AWS_272: the build pipeline does not sign packages yet

  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  runtime                        = "python3.12"
  handler                        = "lambda_function.handler"
  architectures                  = [var.architecture]
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  layers                         = [for layer in var.settings.layers : var.layer_arns[layer]]
  memory_size                    = var.settings.memory_mb
  timeout                        = var.settings.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  publish                        = true

  environment {
    variables = merge(var.settings.environment, var.environment)
  }

  ephemeral_storage {
    size = var.settings.ephemeral_storage_mb
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "Active"
  }

  # A function that starts before its role may write logs loses its first log lines.
  depends_on = [aws_iam_role_policy.observability, aws_iam_role_policy.work]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that callers use"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.live_version != null ? var.live_version : aws_lambda_function.this.version
}
