# The function of the event log checkpoint, with its layers, role, log group and alarms. The stack
# terraform/stacks/event_log_checkpoint uses this folder as a module and adds buckets, schedule and backfill.
# It can also be applied on its own: see README.md.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  function = "event_log_checkpoint"
  name     = "event-log-${var.environment}"

  environment = merge(
    var.checkpoint_key_template == null ? { CHECKPOINT_KEY = var.checkpoint_key } : { CHECKPOINT_KEY_TEMPLATE = var.checkpoint_key_template },
    {
      CHECKPOINT_BUCKET = var.checkpoint_bucket
      PREFIX            = var.prefix
      SOURCE_BUCKET     = var.source_bucket
    },
    var.look_back_days == null ? {} : { LOOK_BACK_DAYS = tostring(var.look_back_days) },
  )

  source      = "arn:${data.aws_partition.this.partition}:s3:::${var.source_bucket}"
  checkpoints = "arn:${data.aws_partition.this.partition}:s3:::${var.checkpoint_bucket}"
}

module "function" {
  source = "../../terraform/modules/function_set"

  name        = local.name
  environment = var.environment

  functions = {
    (local.function) = {
      name        = "${local.name}-checkpoint"
      description = "Adds new event files to the checkpoint"
      settings    = jsondecode(file("${path.module}/../functions.json")).event_log_checkpoint[local.function]
      environment = local.environment
      policy_json = data.aws_iam_policy_document.this.json
    }
  }

  packages                 = coalesce(var.packages, "${path.module}/../../dist")
  architecture             = var.architecture
  code_bucket              = "event-log-code-${var.environment}-${data.aws_caller_identity.this.account_id}"
  deletable                = var.deletable
  reuse_existing_layers    = var.reuse_existing_layers
  use_external_layer_arns  = var.use_external_layer_arns
  external_layer_arns      = var.external_layer_arns
  force_layer_update       = var.force_layer_update
  memory_mb                = var.memory_mb == null ? {} : { (local.function) = var.memory_mb }
  log_level                = var.log_level
  log_retention_days       = var.log_retention_days
  live_versions            = var.live_version == null ? {} : { (local.function) = var.live_version }
  kms_key_arn              = var.kms_key_arn
  alarm_topic_arn          = var.alarm_topic_arn
  permissions_boundary_arn = var.permissions_boundary_arn

  # With many new files, a run uses almost all of its time and leaves the rest to the next run.
  duration_share = 0.97
}

data "aws_iam_policy_document" "this" {
  # If the bucket has versions, the function reads the version that it listed.
  statement {
    sid       = "ReadEventFiles"
    actions   = var.source_is_versioned ? ["s3:GetObjectVersion"] : ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.source}/${var.prefix}*"]
  }

  statement {
    sid       = "ListEventFiles"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"]
    resources = [local.source]
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

  # Without this permission, S3 answers 403 instead of 404 for an object that does not exist.
  statement {
    sid       = "ListCheckpoints"
    actions   = ["s3:ListBucket"]
    resources = [local.checkpoints]
  }

  dynamic "statement" {
    for_each = compact([var.kms_key_arn])

    content {
      sid       = "EncryptAndDecrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = compact([var.source_kms_key_arn])

    content {
      sid       = "DecryptEventFilesOfOthers"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  # Lambda sends an event to the queue after the last attempt failed.
  dynamic "statement" {
    for_each = compact([var.dead_letter_queue_arn])

    content {
      sid       = "RarelySendFailedEvents"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }
}
