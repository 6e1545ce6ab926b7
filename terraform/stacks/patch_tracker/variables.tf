variable "environment" {
  description = "Part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment is dev, staging, prod or local."
  }
}

variable "region" {
  description = "Where everything runs."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI's configuration; null for the credentials of the environment."
  type        = string
  default     = null
}

variable "architecture" {
  description = "What the functions run on."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "contact" {
  description = "Where the people of Patchwork and lore can complain: an address or a URL of yours, sent with each request."
  type        = string

  validation {
    condition     = can(regex("^[ -'*-~]{3,}$", var.contact))
    error_message = "contact is an address or a URL, of 3 or more printable ASCII characters without parentheses."
  }
}

variable "patchwork_url" {
  description = "The Patchwork server; null for that of `lambda/functions.json`."
  type        = string
  default     = null

  validation {
    condition     = var.patchwork_url == null || can(regex("^https?://[^ ]+$", var.patchwork_url))
    error_message = "patchwork_url is a URL."
  }
}

variable "patchwork_project" {
  description = "Name of the project there; null for that of `lambda/functions.json`."
  type        = string
  default     = null
}

variable "lore_url" {
  description = "The public-inbox archive; null for that of `lambda/functions.json`."
  type        = string
  default     = null

  validation {
    condition     = var.lore_url == null || can(regex("^https?://[^ ]+$", var.lore_url))
    error_message = "lore_url is a URL."
  }
}

variable "lore_list" {
  description = "Name of the list there; null for that of `lambda/functions.json`."
  type        = string
  default     = null
}

variable "changes_schedule" {
  description = "When what changed is read, in UTC."
  type        = string
  default     = "rate(1 hour)"
}

variable "refresh_schedule" {
  description = "When all open and young patches are read again, in UTC."
  type        = string
  default     = "cron(0 3 * * ? *)"
}

variable "discussions_schedule" {
  description = "When weeks of the archive are read again, in UTC."
  type        = string
  default     = "cron(0 4 ? * SUN *)"
}

variable "schedule_enabled" {
  description = "Whether the schedules start anything."
  type        = bool
  default     = true
}

variable "stale_hours" {
  description = "Alarm when no run succeeded for so many hours; more than lie between two runs."
  type        = number
  default     = 6

  validation {
    condition     = var.stale_hours >= 1 && var.stale_hours <= 168 && floor(var.stale_hours) == var.stale_hours
    error_message = "stale_hours is 1 to 168, which is a week."
  }
}

variable "recovery_days" {
  description = "To which moment of the last days the tables can be brought back, 1 to 35."
  type        = number
  default     = 35
}

variable "memory_mb" {
  description = "Memory of functions, over that of `lambda/functions.json`, by function."
  type        = map(number)
  default     = {}
}

variable "log_level" {
  description = "From which level on functions log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "alarm_email_addresses" {
  description = "Who is told of failures and alarms by mail."
  type        = set(string)
  default     = []
}

variable "dashboard" {
  description = "Whether there is a dashboard; beyond the third of an account it costs 3 dollars a month."
  type        = bool
  default     = true
}

variable "live_versions" {
  description = "Published versions that callers use, by function; the deployed ones where none is named. Set them to go back."
  type        = map(string)
  default     = {}
}

variable "reuse_existing_layers" {
  description = "Take the newest version of each layer that is in the account."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Take the layers of `external_layer_arns`."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARN of a layer version by the layer's name: powertools, http."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Publish layers anew although nothing changed, whenever this is another text."
  type        = string
  default     = ""
}

variable "extra_environment" {
  description = "Variables for every function, over all others, such as FIRST_DAYS."
  type        = map(string)
  default     = {}
}

variable "packages" {
  description = "Folder of the packages, where Pants puts them."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete tables, and buckets that hold something. Never in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "Production is not deletable: its tables and buckets are removed by hand, if at all."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy beyond which no role of the stack can go; null for none. The roles of GitHub make no role without that of `github_oidc`."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy."
  }
}
