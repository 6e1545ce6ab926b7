mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "aws-ssm-fetcher-dev"
}

run "rotates_and_can_be_restored" {
  command = apply

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30 && aws_kms_alias.this.name == "alias/aws-ssm-fetcher-dev"
    error_message = "The key does not rotate, or its deletion takes less than a month."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : length(statement.condition) > 0 if one(statement.principals).type == "Service"])
    error_message = "A service could use the key for another account."
  }
}

run "rejects_a_name_that_aws_reserves" {
  command = plan

  variables {
    name = "aws/s3"
  }

  expect_failures = [var.name]
}

run "rejects_an_immediate_deletion" {
  command = plan

  variables {
    deletion_window_days = 1
  }

  expect_failures = [var.deletion_window_days]
}

run "can_reject_its_deletion" {
  command = plan

  variables {
    prevent_destroy = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1
    error_message = "Terraform would delete the key."
  }
}
