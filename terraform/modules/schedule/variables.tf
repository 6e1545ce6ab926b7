variable "name" {
  description = "Name of the schedule."
  type        = string
}

variable "expression" {
  description = "When, such as `cron(0 6 * * ? *)` or `rate(1 hour)`."
  type        = string

  validation {
    condition     = can(regex("^(cron\\(([^ ()]+ ){5}[^ ()]+\\)|rate\\([^ ()]+ [^ ()]+\\))$", var.expression))
    error_message = "expression is cron(minute hour day month weekday year) with six fields, or rate(number unit), and not ${var.expression}."
  }

  validation {
    condition     = !startswith(var.expression, "rate(") || can(regex("^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$", var.expression))
    error_message = "A rate is such as rate(1 hour) or rate(6 hours), of minutes, hours or days, and not ${var.expression}."
  }

  validation {
    condition     = alltrue([for index, value in try(split(" ", regex("^cron\\((.*)\\)$", var.expression)[0]), []) : can(regex(local.fields[index % 6].pattern, value))])
    error_message = "There is no ${join(", and no ", [for index, value in try(split(" ", regex("^cron\\((.*)\\)$", var.expression)[0]), []) : "${local.fields[index % 6].name} ${value}" if !can(regex(local.fields[index % 6].pattern, value))])}: ${var.expression}."
  }

  validation {
    condition     = !startswith(var.expression, "cron(") || can(regex("^cron\\(([^ ]+ ){2}(\\? [^ ]+ [^ ?]+|[^ ?]+ [^ ]+ \\?) [^ ]+\\)$", var.expression))
    error_message = "One of the fields for day and weekday is ?, and the other is not, since a schedule cannot take both: ${var.expression}."
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
