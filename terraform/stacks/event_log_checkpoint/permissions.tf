locals {
  # All that is below the prefix; names of buckets of others are known only by name.
  event_files = "arn:${data.aws_partition.this.partition}:s3:::${local.source}/${var.prefix}*"
  events      = "arn:${data.aws_partition.this.partition}:s3:::${local.source}"
  checkpoints = module.checkpoints.arn
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  # The checkpoint reads versions; a bucket of others may have none, and then reads objects. The
  # backfill gets its objects from a listing that knows no versions.
  statement {
    sid       = "ReadEventFiles"
    actions   = each.key == "event_log_backfill" ? ["s3:GetObject"] : var.source_bucket == null ? ["s3:GetObjectVersion"] : ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [local.event_files]
  }

  dynamic "statement" {
    for_each = each.key == "event_log_checkpoint" ? [1] : []

    content {
      sid       = "ListEventFiles"
      actions   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"]
      resources = [local.events]
    }
  }

  statement {
    sid       = "ReadAndWriteCheckpoints"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.checkpoints}/checkpoints/*"]
  }

  # A part of a large upload that failed is taken back.
  statement {
    sid       = "RarelyAbortUploads"
    actions   = ["s3:AbortMultipartUpload"]
    resources = ["${local.checkpoints}/*"]
  }

  dynamic "statement" {
    for_each = each.key == "event_log_backfill" ? [1] : []

    content {
      sid       = "ReadAndWriteParts"
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${local.checkpoints}/backfill/*"]
    }
  }

  # Without it, S3 answers for an object that is not there as for one that is forbidden.
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

  # What Lambda puts there when it has tried for the last time.
  dynamic "statement" {
    for_each = each.key == "event_log_checkpoint" ? [1] : []

    content {
      sid       = "RarelyTellWhatFailed"
      actions   = ["sqs:SendMessage"]
      resources = [module.dead_letters.arn]
    }
  }
}

data "aws_iam_policy_document" "backfill" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.function : function.live_arn]
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

  # A distributed map starts executions of its own machine:
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
