locals {
  indexes = var.definition.indexes
  keys    = flatten([for keys in concat([var.definition], values(local.indexes)) : compact([keys.hash_key, keys.range_key])])
}

resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = var.definition.hash_key
  range_key                   = var.definition.range_key
  deletion_protection_enabled = var.protected

  dynamic "attribute" {
    for_each = toset(local.keys)

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = global_secondary_index.value.projection
      non_key_attributes = length(global_secondary_index.value.attributes) > 0 ? global_secondary_index.value.attributes : null
    }
  }

  dynamic "ttl" {
    for_each = compact([var.definition.expiry])

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.recovery_days
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

# `prevent_destroy` must be a literal, so it cannot depend on the environment. This resource, which exists only in
# protected environments, has it instead: Terraform would have to replace it together with the table.
resource "terraform_data" "protection" {
  count = var.prevent_destroy ? 1 : 0

  input = aws_dynamodb_table.this.name

  lifecycle {
    prevent_destroy      = true
    replace_triggered_by = [aws_dynamodb_table.this.id]
  }
}
