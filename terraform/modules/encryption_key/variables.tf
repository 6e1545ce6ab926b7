variable "name" {
  description = "Alias of the key, without `alias/`."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,200}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name must contain only letters, digits, /, _ and -, and must not begin with aws/."
  }
}

variable "deletion_window_days" {
  description = "Number of days during which the deletion of the key can be cancelled."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30."
  }
}

variable "prevent_destroy" {
  description = "Make Terraform reject plans that delete or replace the key. Used in production."
  type        = bool
  default     = false
}
