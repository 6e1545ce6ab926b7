variable "function_name" {
  description = "Function that is watched."
  type        = string
}

variable "timeout_seconds" {
  description = "What the function may take."
  type        = number
}

variable "topic_arn" {
  description = "Topic that is told."
  type        = string
}

variable "duration_share" {
  description = "Share of the timeout from which a run counts as near it."
  type        = number
  default     = 0.8

  validation {
    condition     = var.duration_share > 0 && var.duration_share < 1
    error_message = "duration_share lies between 0 and 1."
  }
}
