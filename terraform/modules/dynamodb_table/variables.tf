variable "name" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.name))
    error_message = "A table's name is 3 to 255 letters, digits, _, . and -."
  }
}

variable "definition" {
  description = "Keys, all of them text, and indexes: one entry of a file such as `tables.json`. `expiry` names the attribute with the second after which an item may go."

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
    condition     = alltrue([for one in values(var.definition.indexes) : contains(["ALL", "KEYS_ONLY", "INCLUDE"], one.projection) && (one.projection == "INCLUDE") == (length(one.attributes) > 0)])
    error_message = "An index's projection is ALL, KEYS_ONLY, or INCLUDE with attributes."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the table."
  type        = string
}

variable "protected" {
  description = "Let nothing delete the table until this is false."
  type        = bool
  default     = true
}

variable "recovery_days" {
  description = "To which moment of the last days the table can be brought back, 1 to 35."
  type        = number
  default     = 35

  validation {
    condition     = var.recovery_days >= 1 && var.recovery_days <= 35
    error_message = "recovery_days is 1 to 35."
  }
}

variable "prevent_destroy" {
  description = "Have Terraform refuse whatever would delete the table or make it anew, as in production."
  type        = bool
  default     = false
}
