variable "name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "A function's name is 1 to 64 letters, digits, _ and -."
  }
}

variable "description" {
  description = "What it does, in one line."
  type        = string
}

variable "package" {
  description = "Path of the zip with the function's code."
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
    error_message = "A function has 128 to 10240 MB and 1 to 900 seconds."
  }
}

variable "layer_arns" {
  description = "ARN of each layer by the name that `settings` has for it."
  type        = map(string)
}

variable "architecture" {
  description = "What it runs on; its layers must be built for it."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "environment" {
  description = "Variables over those of `settings`, such as the names of what was deployed."
  type        = map(string)
  default     = {}
}

variable "policy_json" {
  description = "What it may do beside writing its log and its traces."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts its log and its variables."
  type        = string
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of those that CloudWatch Logs has, such as 14, 30 or 90."
  }
}

variable "live_version" {
  description = "Version that the alias `live` leads to; null for the one that is deployed. Set it to go back."
  type        = string
  default     = null

  validation {
    condition     = var.live_version == null || can(regex("^[1-9][0-9]*$", var.live_version))
    error_message = "live_version is the number of a published version."
  }
}

variable "reserved_concurrency" {
  description = "How many run at once at most; null for no limit of its own."
  type        = number
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Policy beyond which no role can go, whatever it is allowed; null for none."
  type        = string
  default     = null
}
