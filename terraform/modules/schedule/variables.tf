variable "name" {
  description = "Name of the schedule."
  type        = string
}

variable "expression" {
  description = "When, such as `cron(0 6 * * ? *)` or `rate(1 hour)`."
  type        = string

  validation {
    condition     = can(regex("^(cron\\(([^ ()]+ ){5}[^ ()]+\\)|rate\\([1-9][0-9]* (minute|minutes|hour|hours|day|days)\\))$", var.expression))
    error_message = "expression is cron(minute hour day month weekday year) with six fields, or rate(number unit)."
  }

  validation {
    condition     = !startswith(var.expression, "cron(") || length(regexall("\\?", var.expression)) >= 1
    error_message = "One of the fields for day and weekday is ?, since a schedule cannot take both."
  }
}

variable "timezone" {
  description = "Time zone of the expression."
  type        = string
  default     = "UTC"
}

variable "enabled" {
  description = "Whether it starts anything."
  type        = bool
  default     = true
}

variable "target_arn" {
  description = "What is started: a state machine or a function."
  type        = string
}

variable "target_action" {
  description = "Permission that starting it needs."
  type        = string

  validation {
    condition     = contains(["states:StartExecution", "lambda:InvokeFunction"], var.target_action)
    error_message = "target_action is states:StartExecution or lambda:InvokeFunction."
  }
}

variable "input" {
  description = "What it is started with."
  type        = any
  default     = {}
}

variable "dead_letter_queue_arn" {
  description = "Queue for what could not be started."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the input and the queue."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy beyond which no role can go, whatever it is allowed; null for none."
  type        = string
  default     = null
}
