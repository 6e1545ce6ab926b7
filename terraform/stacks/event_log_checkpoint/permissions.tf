# What the backfill may do. lambda/event_log_checkpoint has the permissions of the checkpoint's function.

locals {
  events      = "arn:${data.aws_partition.this.partition}:s3:::${local.source}"
  checkpoints = module.checkpoints.arn
}

data "aws_iam_policy_document" "backfill_function" {
  # The list of objects that Step Functions passes has no versions.
  statement {
    sid       = "ReadEventFiles"
    actions   = ["s3:GetObject"]
    resources = ["${local.events}/${var.prefix}*"]
  }

  statement {
    sid       = "ReadAndWriteCheckpoints"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.checkpoints}/checkpoints/*"]
  }

  # If a large upload fails, the function removes the parts that it has uploaded.
  statement {
    sid       = "RarelyAbortUploads"
    actions   = ["s3:AbortMultipartUpload"]
    resources = ["${local.checkpoints}/*"]
  }

  statement {
    sid       = "ReadAndWriteParts"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.checkpoints}/backfill/*"]
  }

  # Without this permission, S3 answers 403 instead of 404 for an object that does not exist.
  statement {
    sid       = "ListCheckpoints"
    actions   = ["s3:ListBucket"]
    resources = [local.checkpoints]
  }

  statement {
    sid       = "EncryptAndDecrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.key.arn]
  }

  dynamic "statement" {
    for_each = compact([var.source_kms_key_arn])

    content {
      sid       = "DecryptEventFilesOfOthers"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "backfill" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = values(local.live_arns)
  }

  statement {
    sid       = "ListEventFiles"
    actions   = ["s3:ListBucket"]
    resources = [local.events]
  }

  statement {
    sid       = "WriteResults"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.checkpoints}/backfill/results/*"]
  }

  # A distributed map starts executions of its own state machine:
  # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
  statement {
    sid       = "StartChildren"
    actions   = ["states:StartExecution"]
    resources = ["arn:${data.aws_partition.this.partition}:states:${var.region}:${local.account}:stateMachine:${local.name}-backfill"]
  }

  statement {
    sid       = "LookAfterChildren"
    actions   = ["states:DescribeExecution", "states:StopExecution"]
    resources = ["arn:${data.aws_partition.this.partition}:states:${var.region}:${local.account}:execution:${local.name}-backfill:*"]
  }

  statement {
    sid       = "EncryptAndDecrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.key.arn]
  }
}
