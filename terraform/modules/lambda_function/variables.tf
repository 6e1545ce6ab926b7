variable "name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "A function's name must be 1 to 64 letters, digits, _ or -."
  }
}

variable "description" {
  description = "What the function does, in one line."
  type        = string
}

variable "package" {
  description = "Path of the zip file with the function's code."
  type        = string
}

variable "settings" {
  description = "One entry of `lambda/functions.json`."

  type = object({
    memory_mb            = number
    timeout_seconds      = number
    ephemeral_storage_mb = optional(number, 512)
    layers               = list(string)
    environment          = optional(map(string), {})
  })

  validation {
    condition     = var.settings.memory_mb >= 128 && var.settings.memory_mb <= 10240 && var.settings.timeout_seconds >= 1 && var.settings.timeout_seconds <= 900
    error_message = "memory_mb must be 128 to 10240, and timeout_seconds 1 to 900."
  }
}

variable "layer_arns" {
  description = "ARNs of layer versions, by the names that `settings.layers` uses."
  type        = map(string)
}

variable "architecture" {
  description = "Processor architecture. The layers must be built for it."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "environment" {
  description = "Environment variables. They override those of `settings`."
  type        = map(string)
  default     = {}
}

variable "policy_json" {
  description = "Policy with the permissions of the function. Permission to write logs and traces is added."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the log and the environment variables; null to use a key that AWS owns."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Number of days to keep the log."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a value that CloudWatch Logs accepts, such as 14, 30 or 90."
  }
}

variable "live_version" {
  description = "Version that the alias `live` points to; null for the latest. Set it to roll back."
  type        = string
  default     = null

  validation {
    condition     = var.live_version == null || can(regex("^[1-9][0-9]*$", var.live_version))
    error_message = "live_version must be the number of a published version."
  }
}

variable "reserved_concurrency" {
  description = "Maximum number of concurrent executions; null for no limit other than the account's."
  type        = number
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the role; null for none."
  type        = string
  default     = null
}
