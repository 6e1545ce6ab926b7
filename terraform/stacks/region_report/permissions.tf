# What each function may do. Objects are listed by prefix; the execution ID follows the prefix.

locals {
  objects = { for prefix in ["cache", "processed-data", "raw-data", "reports", "temp-reports"] : prefix => "${module.data.arn}/${prefix}/*" }

  reads = {
    data_fetcher        = ["cache"]
    processor           = ["raw-data"]
    json_csv_generator  = ["processed-data"]
    excel_generator     = ["processed-data"]
    report_orchestrator = ["processed-data", "reports", "temp-reports"]
  }

  writes = {
    data_fetcher        = ["cache", "raw-data"]
    processor           = ["processed-data"]
    json_csv_generator  = ["temp-reports"]
    excel_generator     = ["temp-reports"]
    report_orchestrator = ["reports"]
  }

  deletes = {
    report_orchestrator = ["processed-data", "raw-data", "temp-reports"]
  }

  # Rarely needed: to delete a damaged entry of the cache, and to delete files that are no longer part of the
  # latest set. The proof that roles allow only what functions call ignores statements that begin with Rarely.
  deletes_rarely = {
    data_fetcher        = ["${module.data.arn}/cache/*"]
    report_orchestrator = ["${module.data.arn}/reports/latest/*"]
  }
}

data "aws_iam_policy_document" "function" {
  for_each = local.settings

  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = [for prefix in local.reads[each.key] : local.objects[prefix]]
  }

  statement {
    sid       = "WriteObjects"
    actions   = ["s3:PutObject"]
    resources = [for prefix in local.writes[each.key] : local.objects[prefix]]
  }

  # Without this permission, S3 answers 403 instead of 404 for an object that does not exist.
  statement {
    sid       = "ListObjects"
    actions   = ["s3:ListBucket"]
    resources = [module.data.arn]
  }

  dynamic "statement" {
    for_each = contains(keys(local.deletes), each.key) ? [1] : []

    content {
      sid       = "DeleteObjects"
      actions   = ["s3:DeleteObject"]
      resources = [for prefix in local.deletes[each.key] : local.objects[prefix]]
    }
  }

  dynamic "statement" {
    for_each = contains(keys(local.deletes_rarely), each.key) ? [1] : []

    content {
      sid       = "RarelyDeleteObjects"
      actions   = ["s3:DeleteObject"]
      resources = local.deletes_rarely[each.key]
    }
  }

  statement {
    sid       = "EncryptAndDecrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.key.arn]
  }

  dynamic "statement" {
    for_each = each.key == "data_fetcher" ? [1] : []

    content {
      sid     = "ReadPublicParameters"
      actions = ["ssm:GetParameters", "ssm:GetParametersByPath"]

      # Public parameters belong to no account and are the same in each region.
      resources = ["arn:${data.aws_partition.this.partition}:ssm:*::parameter/aws/service/global-infrastructure/*"]
    }
  }
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "InvokeFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.functions.functions : function.live_arn]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.alarm_topic.arn, module.report_topic.arn]
  }

  statement {
    sid       = "EncryptNotifications"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.key.arn]
  }
}
