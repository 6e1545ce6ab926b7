# A bucket goes before its key: where it cannot go, because it holds something, the key must not either.
resource "terraform_data" "key" {
  input = var.kms_key_arn
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18: access is seen in CloudTrail's data events, where an account has them
  #checkov:skip=CKV_AWS_144: one region; every object can be made again or has its versions
  #checkov:skip=CKV2_AWS_62: nothing waits for events of this bucket

  bucket        = var.name
  force_destroy = var.delete_with_content

  depends_on = [terraform_data.key]
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  # Over everything: what no reader can see any more.
  rule {
    id     = "leftovers"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  dynamic "rule" {
    for_each = var.expiry_days

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.archive_days

    content {
      id     = rule.key == "" ? "archive" : "archive-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      transition {
        days          = rule.value
        storage_class = "GLACIER_IR"
      }
    }
  }

  # A rule about versions needs a bucket that has them.
  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  # S3 refuses two changes of a bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# `prevent_destroy` is a literal, and for some environments only: what stands for the bucket has it. It would
# go with it, and be made anew with it.
resource "terraform_data" "protection" {
  count = var.prevent_destroy ? 1 : 0

  input = aws_s3_bucket.this.bucket

  lifecycle {
    prevent_destroy      = true
    replace_triggered_by = [aws_s3_bucket.this.id]
  }
}
