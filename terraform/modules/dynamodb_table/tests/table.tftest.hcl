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

run "a_table_with_indexes" {
  command = apply

  assert {
    condition     = toset([for one in aws_dynamodb_table.this.attribute : "${one.name} ${one.type}"]) == toset(["author S", "day S", "id S", "timestamp S"])
    error_message = "Keys are declared once each, whatever uses them, and nothing else is."
  }

  assert {
    condition     = { for one in aws_dynamodb_table.this.global_secondary_index : one.name => one.projection_type } == { ByAuthor = "INCLUDE", ByDay = "KEYS_ONLY" }
    error_message = "Each index is made with its projection."
  }

  assert {
    condition     = one(aws_dynamodb_table.this.ttl).attribute_name == "expires_at" && one(aws_dynamodb_table.this.ttl).enabled
    error_message = "Items go by the attribute that the definition names."
  }

  assert {
    condition     = one(aws_dynamodb_table.this.point_in_time_recovery).enabled && one(aws_dynamodb_table.this.server_side_encryption).kms_key_arn == var.kms_key_arn && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "It can be brought back, is encrypted, and is protected."
  }
}

run "nothing_expires_where_nothing_says_so" {
  command = apply

  variables {
    definition = { hash_key = "id" }
    protected  = false
  }

  assert {
    condition     = length(aws_dynamodb_table.this.ttl) == 0 && !aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "A table without expiry keeps its items."
  }
}

run "a_projection_that_is_none" {
  command = plan

  variables {
    definition = {
      hash_key = "id"
      indexes  = { ByDay = { hash_key = "day", range_key = "id", projection = "INCLUDE" } }
    }
  }

  expect_failures = [var.definition]
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
