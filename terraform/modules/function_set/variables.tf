variable "name" {
  description = "Prefix of the names of layers, such as `event-log-dev`."
  type        = string
}

variable "environment" {
  description = "Environment, such as `dev`. It is part of the metric namespace and of the path at which layers are registered."
  type        = string
}

variable "functions" {
  description = "The functions, by their names in `lambda/functions.json`. `settings` is the entry in that file, `environment` contains the variables that depend on the deployment, and `policy_json` is the policy with the function's permissions."

  type = map(object({
    name        = string
    description = string
    policy_json = string
    environment = optional(map(string), {})

    settings = object({
      memory_mb            = number
      timeout_seconds      = number
      ephemeral_storage_mb = optional(number, 512)
      layers               = list(string)
      environment          = optional(map(string), {})
    })
  }))
}

variable "packages" {
  description = "Folder with the packages that Pants builds."
  type        = string
}

variable "architecture" {
  description = "Processor architecture of functions and layers: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"
}

variable "code_bucket" {
  description = "Name of the bucket to create for the zip files of layers; null if all layers are external."
  type        = string
  default     = null

  validation {
    condition     = var.code_bucket != null || var.use_external_layer_arns
    error_message = "Layers are published from a bucket: set code_bucket, or use_external_layer_arns."
  }
}

variable "deletable" {
  description = "Let `destroy` delete the bucket and its content. Do not set it in production."
  type        = bool
  default     = false
}

variable "reuse_existing_layers" {
  description = "If a layer with the same content is already registered in this environment, use that one. Publish and register all other layers."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Use the layers in `external_layer_arns` and publish none."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARNs of layer versions, by the names of layers in `lambda/functions.json`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.external_layer_arns) : can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:]+:[0-9]+$", arn))])
    error_message = "external_layer_arns must contain ARNs of layer versions, which end in the number of the version."
  }

  validation {
    condition     = !var.use_external_layer_arns || length(setsubtract(flatten([for function in var.functions : function.settings.layers]), keys(var.external_layer_arns))) == 0
    error_message = "external_layer_arns has no ARN for: ${join(", ", setsubtract(flatten([for function in var.functions : function.settings.layers]), keys(var.external_layer_arns)))}."
  }
}

variable "force_layer_update" {
  description = "Change this text to publish new versions of all layers even if their content has not changed. If it is not empty, `reuse_existing_layers` has no effect."
  type        = string
  default     = ""
}

variable "memory_mb" {
  description = "Memory, by function. Overrides `lambda/functions.json`."
  type        = map(number)
  default     = {}
}

variable "extra_environment" {
  description = "Environment variables for all functions. They override all others."
  type        = map(string)
  default     = {}
}

variable "log_level" {
  description = "Lowest level that functions log."
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "Number of days to keep logs."
  type        = number
}

variable "live_versions" {
  description = "Published version that callers use, by function. Functions that are not listed use the latest. Set it to roll back."
  type        = map(string)
  default     = {}
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts logs, environment variables and the bucket; null to use keys that AWS manages."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "ARN of the topic that alarms are published to; null for none."
  type        = string
  default     = null
}

variable "duration_share" {
  description = "Share of the timeout, between 0 and 1, above which the alarm on the duration goes off."
  type        = number
  default     = 0.8
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles; null for none."
  type        = string
  default     = null
}
