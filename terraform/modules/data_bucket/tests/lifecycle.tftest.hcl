mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "some-data"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "nothing_expires_that_is_not_named" {
  command = apply

  variables {
    expiry_days = { "raw-data/" = 30 }
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      length(rule.expiration) == 0 || rule.filter[0].prefix == "raw-data/"
    ])
    error_message = "An expiration reaches further than its prefix."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket that holds something must not be deletable unless told."
  }
}

run "a_whole_bucket_can_be_archived" {
  command = plan

  variables {
    archive_days = { "" = 90 }
  }

  assert {
    condition     = contains(aws_s3_bucket_lifecycle_configuration.this.rule[*].id, "archive")
    error_message = "An empty prefix is the whole bucket."
  }
}

run "a_prefix_without_its_end" {
  command = plan

  variables {
    expiry_days = { "r" = 30 }
  }

  expect_failures = [var.expiry_days]
}

run "a_name_that_s3_refuses" {
  command = plan

  variables {
    name = "Some_Data"
  }

  expect_failures = [var.name]
}

run "what_must_stay_is_protected_by_terraform" {
  command = plan

  variables {
    prevent_destroy = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1
    error_message = "Nothing refuses to delete it."
  }
}
