mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "some-data"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "expires_only_the_given_prefixes" {
  command = apply

  variables {
    expiry_days = { "raw-data/" = 30 }
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      length(rule.expiration) == 0 || rule.filter[0].prefix == "raw-data/"
    ])
    error_message = "Objects outside the prefix expire."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket with content is deletable by default."
  }
}

run "can_archive_a_whole_bucket" {
  command = plan

  variables {
    archive_days = { "" = 90 }
  }

  assert {
    condition     = contains(aws_s3_bucket_lifecycle_configuration.this.rule[*].id, "archive")
    error_message = "An empty prefix must archive the whole bucket."
  }
}

run "rejects_a_prefix_without_a_slash" {
  command = plan

  variables {
    expiry_days = { "r" = 30 }
  }

  expect_failures = [var.expiry_days]
}

run "rejects_a_name_that_s3_rejects" {
  command = plan

  variables {
    name = "Some_Data"
  }

  expect_failures = [var.name]
}

run "can_reject_its_deletion" {
  command = plan

  variables {
    prevent_destroy = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1
    error_message = "Terraform would delete the bucket."
  }
}
