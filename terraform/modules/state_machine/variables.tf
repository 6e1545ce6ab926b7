variable "name" {
  description = "Name of the state machine."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,80}$", var.name))
    error_message = "A state machine's name is 1 to 80 letters, digits, _ and -."
  }
}

variable "definition" {
  description = "Its definition, in the Amazon States Language, with all values filled in."
  type        = string

  validation {
    condition     = can(jsondecode(var.definition).StartAt)
    error_message = "The definition is no state machine: it is not JSON, or lacks StartAt."
  }
}

variable "policy_json" {
  description = "What it may do beside writing its log and its traces."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts its log."
  type        = string
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number
}

variable "permissions_boundary_arn" {
  description = "Policy beyond which no role can go, whatever it is allowed; null for none."
  type        = string
  default     = null
}
