mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name            = "failure"
  kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/1"
  email_addresses = ["a@example.org", "b@example.org"]
}

run "alarms_of_the_account_reach_everybody" {
  command = apply

  assert {
    condition     = toset([for one in aws_sns_topic_subscription.email : one.endpoint]) == var.email_addresses
    error_message = "Each address is told."
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn && output.arn == aws_sns_topic.this.arn
    error_message = "Messages are encrypted."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.this.statement : one(statement.condition).variable if statement.effect != "Deny"]) == "aws:SourceAccount"
    error_message = "Alarms of other accounts are not let in."
  }
}

run "an_address_that_is_none" {
  command = plan

  variables {
    email_addresses = ["somebody"]
  }

  expect_failures = [var.email_addresses]
}

run "a_name_that_is_none" {
  command = plan

  variables {
    name = "failure.fifo"
  }

  expect_failures = [var.name]
}
