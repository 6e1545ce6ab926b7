variable "name" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.name))
    error_message = "name must be 3 to 255 letters, digits, _, . or -."
  }
}

variable "definition" {
  description = "Keys and indexes: an entry of a file such as `tables.json`. All keys are strings. `expiry` is the name of the attribute that contains the time at which an item expires."

  type = object({
    hash_key  = string
    range_key = optional(string)
    expiry    = optional(string)

    indexes = optional(map(object({
      hash_key   = string
      range_key  = string
      projection = string
      attributes = optional(list(string), [])
    })), {})
  })

  validation {
    condition     = alltrue([for index in values(var.definition.indexes) : contains(["ALL", "KEYS_ONLY", "INCLUDE"], index.projection) && (index.projection == "INCLUDE") == (length(index.attributes) > 0)])
    error_message = "The projection of an index must be ALL, KEYS_ONLY, or INCLUDE with attributes."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the table."
  type        = string
}

variable "protected" {
  description = "Whether DynamoDB rejects requests to delete the table."
  type        = bool
  default     = true
}

variable "recovery_days" {
  description = "Number of past days for which the table can be restored to any moment, 1 to 35."
  type        = number
  default     = 35

  validation {
    condition     = var.recovery_days >= 1 && var.recovery_days <= 35
    error_message = "recovery_days must be 1 to 35."
  }
}

variable "prevent_destroy" {
  description = "Make Terraform reject plans that delete or replace the table. Used in production."
  type        = bool
  default     = false
}
