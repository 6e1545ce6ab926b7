data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

# A key's policy is attached to the key: "*" in it is this key and nothing else.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109: the account administers its key; "*" is the key itself
  #checkov:skip=CKV_AWS_111: the account administers its key; "*" is the key itself
  #checkov:skip=CKV_AWS_356: in a key's policy, "*" is the key itself

  statement {
    sid       = "TheAccountAdministersItByIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  # Alarms put messages into encrypted topics; whoever else sends or reads has a role of its own.
  statement {
    sid       = "AlarmsSendMessages"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }

  statement {
    sid       = "LogGroups"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.this.name}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:log-group:*"]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "Encrypts what ${var.name} stores, logs and sends"
  deletion_window_in_days = var.deletion_window_days
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

# `prevent_destroy` is a literal, and for some environments only: what stands for the key has it. It would
# go with it, and be made anew with it.
resource "terraform_data" "protection" {
  count = var.prevent_destroy ? 1 : 0

  input = aws_kms_key.this.key_id

  lifecycle {
    prevent_destroy      = true
    replace_triggered_by = [aws_kms_key.this.key_id]
  }
}
