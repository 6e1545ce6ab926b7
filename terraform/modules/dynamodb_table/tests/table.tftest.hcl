mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "mails"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"

  definition = {
    hash_key  = "id"
    range_key = "timestamp"
    expiry    = "expires_at"

    indexes = {
      ByAuthor = { hash_key = "author", range_key = "timestamp", projection = "INCLUDE", attributes = ["subject"] }
      ByDay    = { hash_key = "day", range_key = "timestamp", projection = "KEYS_ONLY" }
    }
  }
}

run "creates_keys_and_indexes" {
  command = apply

  assert {
    condition     = toset([for attribute in aws_dynamodb_table.this.attribute : "${attribute.name} ${attribute.type}"]) == toset(["author S", "day S", "id S", "timestamp S"])
    error_message = "Each key must be declared once, and no other attribute."
  }

  assert {
    condition     = { for index in aws_dynamodb_table.this.global_secondary_index : index.name => index.projection_type } == { ByAuthor = "INCLUDE", ByDay = "KEYS_ONLY" }
    error_message = "An index has the wrong projection."
  }

  assert {
    condition     = one(aws_dynamodb_table.this.ttl).attribute_name == "expires_at" && one(aws_dynamodb_table.this.ttl).enabled
    error_message = "Items do not expire by the attribute in the definition."
  }

  assert {
    condition     = one(aws_dynamodb_table.this.point_in_time_recovery).enabled && one(aws_dynamodb_table.this.server_side_encryption).kms_key_arn == var.kms_key_arn && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "The table cannot be restored, is not encrypted, or is not protected."
  }
}

run "keeps_items_without_expiry" {
  command = apply

  variables {
    definition = { hash_key = "id" }
    protected  = false
  }

  assert {
    condition     = length(aws_dynamodb_table.this.ttl) == 0 && !aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "Items of a table without expiry expire."
  }
}

run "rejects_a_projection_without_attributes" {
  command = plan

  variables {
    definition = {
      hash_key = "id"
      indexes  = { ByDay = { hash_key = "day", range_key = "id", projection = "INCLUDE" } }
    }
  }

  expect_failures = [var.definition]
}

run "can_reject_its_deletion" {
  command = plan

  variables {
    prevent_destroy = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1
    error_message = "Terraform would delete the table."
  }
}
