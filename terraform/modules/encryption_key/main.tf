data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

# In the policy of a key, "*" is that key only.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109: the account administers its key, and "*" is that key only
  #checkov:skip=CKV_AWS_111: the account administers its key, and "*" is that key only
  #checkov:skip=CKV_AWS_356: in the policy of a key, "*" is that key only

  statement {
    sid       = "AccountAdministersKeyWithIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  # Alarms publish to encrypted topics. All other senders and receivers have roles.
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
  description             = "Encrypts data, logs and messages of ${var.name}"
  deletion_window_in_days = var.deletion_window_days
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

# `prevent_destroy` must be a literal, so it cannot depend on the environment. This resource, which exists only in
# protected environments, has it instead: Terraform would have to replace it together with the key.
resource "terraform_data" "protection" {
  count = var.prevent_destroy ? 1 : 0

  input = aws_kms_key.this.key_id

  lifecycle {
    prevent_destroy      = true
    replace_triggered_by = [aws_kms_key.this.key_id]
  }
}
