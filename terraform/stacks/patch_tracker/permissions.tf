locals {
  patches     = module.table["patches"].arn
  discussions = module.table["discussions"].arn
}

data "aws_iam_policy_document" "function" {
  for_each = local.settings

  # A transaction needs the permissions of the operations in it:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
  statement {
    sid       = "ReadAndWritePatches"
    actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    resources = [local.patches]
  }

  # Cursors store how far a source was read.
  dynamic "statement" {
    for_each = each.key == "refresh_discussions" ? [] : [1]

    content {
      sid       = "WriteCursors"
      actions   = ["dynamodb:PutItem"]
      resources = [local.patches]
    }
  }

  dynamic "statement" {
    for_each = each.key == "fetch_discussions" ? [] : [1]

    content {
      sid       = "FindPatches"
      actions   = ["dynamodb:Query"]
      resources = ["${local.patches}/index/StatusIndex"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "fetch_discussions" ? [] : [1]

    content {
      sid       = "ReadPatches"
      actions   = ["dynamodb:BatchGetItem"]
      resources = [local.patches]
    }
  }

  dynamic "statement" {
    for_each = each.key == "fetch_patches" ? [] : [1]

    content {
      sid       = "ReadAndWriteDiscussions"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
      resources = [local.discussions]
    }
  }

  # DynamoDB uses the key on behalf of the caller.
  statement {
    sid       = "EncryptAndDecrypt"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = [module.key.arn]
  }

  # Lambda invokes the next function after a successful run.
  dynamic "statement" {
    for_each = each.key == "fetch_patches" ? [1] : []

    content {
      sid       = "InvokeNextFunction"
      actions   = ["lambda:InvokeFunction"]
      resources = ["arn:${data.aws_partition.this.partition}:lambda:${var.region}:${local.account}:function:${local.name}-fetch-discussions:live"]
    }
  }

  # Lambda sends an event to the queue after the last attempt failed.
  statement {
    sid       = "RarelySendFailedEvents"
    actions   = ["sqs:SendMessage"]
    resources = [module.dead_letters.arn]
  }
}
