variable "name" {
  description = "Name of the schedule."
  type        = string
}

variable "expression" {
  description = "When to start the target, such as `cron(0 6 * * ? *)` or `rate(1 hour)`."
  type        = string

  validation {
    condition     = can(regex("^(cron\\(([^ ()]+ ){5}[^ ()]+\\)|rate\\([^ ()]+ [^ ()]+\\))$", var.expression))
    error_message = "expression must be cron(minute hour day month weekday year) or rate(number unit), not ${var.expression}."
  }

  validation {
    condition     = !startswith(var.expression, "rate(") || can(regex("^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$", var.expression))
    error_message = "A rate must be a number of minutes, hours or days, such as rate(1 hour) or rate(6 hours), not ${var.expression}."
  }

  validation {
    condition     = alltrue([for index, value in try(split(" ", regex("^cron\\((.*)\\)$", var.expression)[0]), []) : can(regex(local.fields[index % 6].pattern, value))])
    error_message = "Invalid ${join(", invalid ", [for index, value in try(split(" ", regex("^cron\\((.*)\\)$", var.expression)[0]), []) : "${local.fields[index % 6].name} ${value}" if !can(regex(local.fields[index % 6].pattern, value))])}: ${var.expression}."
  }

  validation {
    condition     = !startswith(var.expression, "cron(") || can(regex("^cron\\(([^ ]+ ){2}(\\? [^ ]+ [^ ?]+|[^ ?]+ [^ ]+ \\?) [^ ]+\\)$", var.expression))
    error_message = "Exactly one of the fields for day and weekday must be ?: ${var.expression}."
  }
}

variable "timezone" {
  description = "Time zone of the expression."
  type        = string
  default     = "UTC"
}

variable "enabled" {
  description = "Whether the schedule is enabled."
  type        = bool
  default     = true
}

variable "target_arn" {
  description = "ARN of the state machine or function to start."
  type        = string
}

variable "target_action" {
  description = "Action that starts the target: `states:StartExecution` or `lambda:InvokeFunction`."
  type        = string

  validation {
    condition     = contains(["states:StartExecution", "lambda:InvokeFunction"], var.target_action)
    error_message = "target_action must be states:StartExecution or lambda:InvokeFunction."
  }
}

variable "input" {
  description = "Input of the target."
  type        = any
  default     = {}
}

variable "dead_letter_queue_arn" {
  description = "ARN of the queue for events whose target could not be started."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the input and the queue."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the role; null for none."
  type        = string
  default     = null
}
