variable "environment" {
  description = "Part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment is dev, staging, prod or local."
  }
}

variable "region" {
  description = "Where everything runs; the public parameters are the same in each region."
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

variable "schedule" {
  description = "When the report is made, in UTC."
  type        = string
  default     = "cron(0 6 * * ? *)"
}

variable "schedule_enabled" {
  description = "Whether the schedule starts anything."
  type        = bool
  default     = true
}

variable "late_hours" {
  description = "Alarm when no report was published for so many hours; more than lie between two runs."
  type        = number
  default     = 26

  validation {
    condition     = var.late_hours >= 1 && var.late_hours <= 168 && floor(var.late_hours) == var.late_hours
    error_message = "late_hours is 1 to 168, which is a week."
  }
}

variable "max_cache_age_hours" {
  description = "Nothing older is taken from the cache, in hours."
  type        = number
  default     = 1
}

variable "ssm_regions" {
  description = "Regions over which the calls to SSM are spread, each with a quota of its own; empty for the stack's own."
  type        = list(string)
  default     = []
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
  default     = 14
}

variable "intermediate_days" {
  description = "After how many days raw and processed data go, and what generators left."
  type        = number
  default     = 30
}

variable "alarm_email_addresses" {
  description = "Who is told of failures and alarms by mail."
  type        = set(string)
  default     = []
}

variable "report_email_addresses" {
  description = "Who is told of each new report by mail."
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
  description = "ARN of a layer version by the layer's name: powertools, data_processing, excel, http."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Publish layers anew although nothing changed, whenever this is another text."
  type        = string
  default     = ""
}

variable "packages" {
  description = "Folder of the packages, where Pants puts them."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete buckets that hold something. Never in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "Production is not deletable: its buckets are emptied by hand, if at all."
  }
}

variable "extra_environment" {
  description = "Variables for every function, over all others; the local cloud names its source of data with them."
  type        = map(string)
  default     = {}
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
