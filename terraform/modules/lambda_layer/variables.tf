variable "name" {
  description = "Name of the layer, without the architecture."
  type        = string
}

variable "architecture" {
  description = "Architecture that the packages were built for: `x86_64` or `arm64`."
  type        = string

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "package" {
  description = "Path of the zip file."
  type        = string
}

variable "bucket" {
  description = "Bucket for the zip file. Lambda accepts at most 50 MB without a bucket."
  type        = string
}

variable "registry" {
  description = "Path of the SSM parameters that register layers, such as `/lambda-layers/dev`. Stacks with the same path share layers."
  type        = string
  default     = "/lambda-layers"

  validation {
    condition     = can(regex("^(/[a-zA-Z0-9_.-]+)+$", var.registry)) && !can(regex("^/(aws|ssm)", lower(var.registry)))
    error_message = "registry must be a path such as /lambda-layers/dev. SSM reserves names that begin with aws or ssm."
  }
}

variable "reuse_existing" {
  description = "If a layer with the same content is registered, use it. Otherwise publish the layer and register it."
  type        = bool
  default     = false
}

variable "force_update" {
  description = "Change this text to publish a new version even if the content has not changed. If it is not empty, `reuse_existing` has no effect."
  type        = string
  default     = ""
}
