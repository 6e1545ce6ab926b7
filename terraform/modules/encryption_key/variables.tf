variable "name" {
  description = "Alias of the key, without `alias/`."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,200}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "An alias holds letters, digits, /, _ and - only, and does not begin with aws/."
  }
}

variable "deletion_window_days" {
  description = "How long a key that was scheduled for deletion can be had back, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days is 7 to 30."
  }
}

variable "prevent_destroy" {
  description = "Have Terraform refuse whatever would delete the key or make it anew, as in production."
  type        = bool
  default     = false
}
